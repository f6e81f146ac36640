DROP TABLE clock_followers, sandbox_clock, job_runs, jobs;
