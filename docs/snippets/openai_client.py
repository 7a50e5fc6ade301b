import json

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8017/v1", api_key="any word")

written = client.completions.create(model="writer", prompt="genre: Thriller\ntitle: Dust", max_tokens=60)
print(written.choices[0].text)

labels = client.post(
    "/finetable/classify",
    body={"model": "labeller", "input": [{"title": "Dust", "synopsis": "A sheriff rides into town."}]},
    cast_to=object,
)
print(json.dumps(labels, indent=2))
