mod alerts;
mod credits;
mod failures;
mod interference;
mod life;
mod orders;
mod purchase;
