from finetable import classify, evaluate, generate, profile, report, train

print(len(profile("films.csv", write="synopsis").duplicates), "duplicates")

train("films.csv", out="python_writer", write="synopsis", given="genre", base="scratch", epochs=1)
rows = generate("python_writer", n=3, seed=1)
print(rows.column("synopsis").to_pylist())

train("films.csv", out="python_labeller", label="genre", given="synopsis", base="scratch", epochs=1)
labelled = classify("python_labeller", "films_unlabelled.csv")
print(labelled.column("genre_predicted").to_pylist()[:3])
print(evaluate("python_labeller")["accuracy"])
report("python_labeller", out="python_labeller.html")
