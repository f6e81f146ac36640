DELETE FROM event_subscribers WHERE subscriber = 'emails';
DROP TABLE members, identities, sandbox_mailbox, email_actions, email_attempts, emails;
