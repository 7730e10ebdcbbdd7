// What is to be known of an object of any kind, beside its text.
import type { Condition, Obj } from '../api/types';
import { cellText, type TableColumn } from './discovery';
import type { Tone } from './pod';

export interface Fact {
  title: string;
  text: string;
  about: string;
}

// What the server's own table has of it, also what only a wide terminal shows.
export function factsOf(titles: TableColumn[], row: Obj | undefined): Fact[] {
  return titles.flatMap((column, at): Fact[] => {
    const isName = column.format === 'name' || (at === 0 && column.name === 'Name');
    const text = cellText(row?.cells?.[at]);
    // Its age grows, and stands there anyway; of labels there is a list of its own.
    if (isName || column.name === 'Age' || text === '' || text === '<none>') return [];
    return [{ title: column.name, text, about: column.description ?? '' }];
  });
}

// Conditions whose truth is bad news; of those that nobody here knows the word tells.
const kBad = /(Pressure|Unavailable|Failed|Failure|Failing|Degraded|Stalled|Terminating|Disrupted|Violation|Error)$/;

export function toneOf(condition: Condition): Tone {
  if (condition.status === 'Unknown') return 'warn';
  const isTrue = condition.status === 'True';
  if (kBad.test(condition.type)) return isTrue ? 'bad' : 'good';
  return isTrue ? 'good' : 'warn';
}
