"""What a user does: one module and one public coroutine each."""
