"""`python -m chat.client` is `chat-client`."""

from chat.client.main import main

if __name__ == "__main__":
    main()
