// The views with an editor, which bring the YAML library along: fetched as one, with the first of them.
export { CreateView } from './create';
export { ObjectView } from './object';
