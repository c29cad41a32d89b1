"""The dashboard: a Streamlit app over the published marts, and nothing else."""
