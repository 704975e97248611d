#!/usr/bin/env bash
# sv-ttk 2.6.1 on Tk 8.6: at a higher `tk scaling`, as a screen of many dots has it, Tk's own fonts grow and so do the rows
# of the theme's Treeview, but not the text in them, nor that of its buttons: the theme's fonts are made in pixels.  One
# would guess that a theme that reckons with the scaling for its rows does so for what stands in them.
#
# Seen: at twice the scaling Tk's font and the rows are nearly twice as high, the theme's font as high as before.  Exits 0
# while that is so, 1 if it has changed, 2 where it cannot be tried.
#
# Needs python3 with venv and tkinter, and Xvfb.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"; [[ -z ${screen-} ]] || kill "$screen"' EXIT
cd "$folder"
command -v Xvfb > /dev/null && python3 -c 'import tkinter' 2> /dev/null || { echo "no Xvfb or no tkinter"; exit 2; }
python3 -m venv venv && venv/bin/pip install --quiet sv-ttk==2.6.1 2> /dev/null || { echo "cannot install"; exit 2; }

Xvfb -displayfd 3 -screen 0 1200x800x24 3> display 2> /dev/null &
screen=$!
for _ in {1..50}; do [[ -s display ]] && break || sleep 0.1; done
[[ -s display ]] || { echo "Xvfb does not start"; exit 2; }

cat > heights.py <<'PYTHON'
import sys
import tkinter
from tkinter import font, ttk

import sv_ttk

root = tkinter.Tk()
root.tk.call("tk", "scaling", float(sys.argv[1]))
sv_ttk.set_theme("light")
ttk.Treeview(root).pack()
root.update()
style = ttk.Style()
own = font.nametofont("TkDefaultFont").metrics("linespace")
theme = font.nametofont(str(style.lookup("Treeview", "font"))).metrics("linespace")
print(own, theme, style.lookup("Treeview", "rowheight"))
PYTHON
read -r own theme row < <(DISPLAY=:$(< display) venv/bin/python heights.py 1.333)
read -r own_of_two theme_of_two row_of_two < <(DISPLAY=:$(< display) venv/bin/python heights.py 2.667)
echo "pixels at scaling 1.333 and 2.667: Tk's font $own, $own_of_two; the theme's font $theme, $theme_of_two; its rows $row, $row_of_two"
((own_of_two > own * 3 / 2 && row_of_two > row * 3 / 2 && theme_of_two == theme))
