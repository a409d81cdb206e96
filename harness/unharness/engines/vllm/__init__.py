"""The `vllm` engine: vLLM's offline `LLM` in a process of its own."""
