mod hints;
mod order;
mod total;
mod waiting;
