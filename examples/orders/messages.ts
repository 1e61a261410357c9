// The messages of the example: one type for what each worker takes.

export type Place = { type: "PLACE"; order: string; item: string; count: number; cents: number };

export type Reserve = { type: "RESERVE"; order: string; item: string; count: number };
export type Restock = { type: "RESTOCK"; item: string; count: number };
export type ForStock = Reserve | Restock;

export type Answer = { type: "RESERVED"; left: number } | { type: "SOLD_OUT"; left: number };
