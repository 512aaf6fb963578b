"""Write the files of the built-in corpus: `python -m tools.demo_corpus FOLDER`.

What lies in `storage/demo_root` is what this writes; a test compares them.
"""

import sys
from pathlib import Path

from tools.demo_corpus.write import corpus_files

root = Path(sys.argv[1])
for name, content in corpus_files().items():
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)
