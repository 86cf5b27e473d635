"""The words of messages: a module for each kind of notice. Pure; numbers, dates and clock follow the language."""
