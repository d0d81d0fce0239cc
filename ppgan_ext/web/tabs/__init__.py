"""The tabs of the page: each draws its window, checks what a visitor asks for, and says what to do."""
