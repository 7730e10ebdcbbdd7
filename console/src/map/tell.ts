import type { Painter } from './painter';
import type { Font, ToPainter } from './scene';

export function tell(painter: Painter, message: Exclude<ToPainter, Font>): void {
  if (message.kind === 'show') painter.show(message);
  else if (message.kind === 'look') painter.setLook(message);
  else painter.choose(message.serial);
}
