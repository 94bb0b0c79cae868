// SPDX-License-Identifier: MIT
// What a script adds to the page: filters, arrow keys, and a window for what a cell links to.
"use strict";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const matrix = document.getElementById("matrix");
const columns = [...matrix.tHead.rows[0].cells].map((cell) => cell.title);
const rows = [...matrix.querySelectorAll("tr[data-tests]")];
const words = {};
for (const option of document.querySelectorAll("#filter [name=status] option[value]"))
	words[option.value] = option.text.slice(2);

const cellsOf = (row) => [...row.cells].slice(1, -1);
const statusOf = (cell) => cell.classList[0] || "pass";
const keyOf = (row) => row.querySelector("summary b").textContent;

function label(row, cell) {
	const was = cell.dataset.was ? `, was ${cell.dataset.was}` : "";
	const status = words[statusOf(cell)];
	return `${keyOf(row)} on ${columns[cell.cellIndex]}: ${status}${was}`;
}

/* One cell is in the order of the Tab key, the arrow keys reach the others. */
function focus(link) {
	for (const other of matrix.querySelectorAll("td a[tabindex='0']")) other.tabIndex = -1;
	link.tabIndex = 0;
}

function neighbour(cell, down, right) {
	const shown = rows.filter((row) => !row.hidden);
	const row = shown[shown.indexOf(cell.parentNode) + down];
	const cells = row ? cellsOf(row).filter((other) => !other.hidden) : [];
	const place = cellsOf(cell.parentNode)
		.filter((other) => !other.hidden)
		.indexOf(cell);
	return cells[place + right];
}

function clone(node) {
	const copy = node.cloneNode(true);
	copy.removeAttribute("id");
	return copy;
}

function open(cell) {
	const row = cell.parentNode;
	const column = cell.cellIndex - 1;
	const parts = [document.createElement("h3"), clone(row.querySelector("summary span"))];
	parts[0].textContent = label(row, cell);
	for (const number of row.dataset.tests.split(" ")) {
		const test = document.getElementById(`r${column}t${number}`);
		if (test) parts.push(clone(test));
	}
	parts.push(clone(document.querySelector(`#r${column} .facts`)));
	const dialog = document.getElementById("cell");
	dialog.lastElementChild.replaceChildren(...parts);
	for (const details of dialog.querySelectorAll("details")) details.open = true;
	dialog.showModal();
	dialog.scrollTop = 0;
}

/* A column is shown if its name has the text, a row if a shown cell has the status. */
function filter() {
	const form = document.getElementById("filter");
	const text = form.elements.text.value.trim().toLowerCase();
	const platform = form.elements.platform.value.trim().toLowerCase();
	const status = form.elements.status.value;
	const wanted = columns.map((name) => name.toLowerCase().includes(platform));
	const hide = (row) =>
		[...row.cells].slice(1, -1).forEach((cell, i) => (cell.hidden = !wanted[i + 1]));

	hide(matrix.tHead.rows[0]);
	for (const row of rows) {
		hide(row);
		const cells = cellsOf(row).filter((cell) => !cell.hidden);
		const has = status === "split"
			? row.lastElementChild.classList.contains(status)
			: cells.some((cell) => ["", statusOf(cell), cell.classList[1]].includes(status));
		row.hidden = !has || !row.cells[0].textContent.toLowerCase().includes(text);
	}
	for (const body of matrix.tBodies)
		body.hidden = ![...body.rows].some((row) => row.dataset.tests && !row.hidden);
	const shown = rows.filter((row) => !row.hidden);
	const all = shown.length === rows.length;
	form.querySelector("output").textContent =
		(all ? "" : `${shown.length} of `) + `${rows.length} rows`;
	const first = shown.length && cellsOf(shown[0]).find((cell) => !cell.hidden);
	if (first) focus(first.firstChild);
}

for (const row of rows)
	for (const cell of cellsOf(row)) {
		cell.firstChild.tabIndex = -1;
		cell.firstChild.title = label(row, cell);
	}
matrix.addEventListener("focusin", (event) => {
	if (event.target.matches("td a")) focus(event.target);
});
matrix.addEventListener("click", (event) => {
	const link = event.target.closest("td a");
	if (!link || event.ctrlKey || event.metaKey) return;
	event.preventDefault();
	open(link.parentNode);
});
matrix.addEventListener("keydown", (event) => {
	if (!event.target.matches("td a") || !MOVES[event.key]) return;
	event.preventDefault();
	const next = neighbour(event.target.parentNode, ...MOVES[event.key]);
	if (next) next.firstChild.focus();
});
/* A strip of instructions: one cell is in the order of the Tab key, and what it leads to is read below. */
for (const strip of document.querySelectorAll(".strip")) {
	const cells = [...strip.querySelectorAll(".step a")];
	const show = (event) => {
		const cell = event.target.closest(".step a");
		if (!cell) return;
		const texts = [...document.getElementById(cell.hash.slice(1)).cells].map((td) => td.textContent);
		strip.querySelector("output").textContent = texts.filter(Boolean).join("  ");
		if (event.type === "focusin") for (const other of cells) other.tabIndex = other === cell ? 0 : -1;
	};
	for (const [i, cell] of cells.entries()) cell.tabIndex = i ? -1 : 0;
	strip.addEventListener("mouseover", show);
	strip.addEventListener("focusin", show);
	strip.addEventListener("keydown", (event) => {
		const place = cells.indexOf(event.target);
		if (place < 0 || !MOVES[event.key]) return;
		const next = cells[place + MOVES[event.key][0] + MOVES[event.key][1]];
		event.preventDefault();
		if (next) next.focus();
	});
}
/* What a link leads to may stand in a folded run, or table. */
addEventListener("hashchange", () => {
	const run = document.querySelector(location.hash || null)?.closest("details");
	if (run) run.open = true;
});
const form = document.getElementById("filter");
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
filter();
