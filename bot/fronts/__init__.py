"""Where people meet Duelbot. No front imports another, and no rule of the product lives in one.

terminal/  the chat in a terminal
web/       the page in a browser
api/       the endpoint that the team's own program asks
discord/   messages, commands and buttons on Discord
"""
