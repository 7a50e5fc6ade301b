from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("writer")
model = AutoModelForCausalLM.from_pretrained("writer")
prompt = tokenizer.bos_token + "genre: Horror\ntitle: The Lighthouse" + "<|separator|>"
ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
written = model.generate(ids, max_new_tokens=60, do_sample=False)
print(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True))
