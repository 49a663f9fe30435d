mod databases;
mod machines;
mod people;
mod pods;
mod records;
mod tools;
