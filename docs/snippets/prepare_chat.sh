finetable prepare films.csv --write synopsis --given title,genre --chat --system "You write film synopses." \
    --out films_chat.jsonl --accept all
