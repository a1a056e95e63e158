"""What a teacher is sent and what it answers: prompts, the conversation, replies, and the turns that they are."""
