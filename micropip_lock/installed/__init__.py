"""What lies in site-packages: distributions, their claims, and the names that can be imported."""
