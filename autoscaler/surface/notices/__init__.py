"""Messages to people about what needs them: collected, limited, sent beside everything else."""
