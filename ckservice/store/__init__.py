"""What is kept from one run to the next. Nothing here knows a provider."""
