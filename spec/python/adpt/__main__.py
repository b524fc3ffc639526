import sys

from .file import main

sys.exit(main(sys.argv[1:]))
