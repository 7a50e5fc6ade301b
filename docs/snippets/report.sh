finetable report labeller --out report.html
