"""What index.html runs. Whatever it imports comes from the lock."""

from rich.table import Table

table = Table("package", "from")
table.add_row("rich", "the lock beside the page")
print(*table.columns[0].cells, *table.columns[1].cells)
