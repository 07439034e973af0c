"""python -m adcli"""

from adcli.cli.start import entry

if __name__ == "__main__":
    entry()
