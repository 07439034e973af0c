"""python -m adcli"""

from adcli.cli.main import entry

if __name__ == "__main__":
    entry()
