finetable generate writer -n 3 --given genre=Horror --prefix "When a young" --include-prefix
