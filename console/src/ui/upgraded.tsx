// The page is of another version than its server, which lacks a part of it.
import { t } from '../texts';
import { reload } from './unsaved';

export function Upgraded() {
  return (
    <div class="empty" role="alert">
      <h2>{t.upgraded.title}</h2>
      <p>{t.upgraded.text}</p>
      <button class="button primary" onClick={reload}>{t.upgraded.reload}</button>
    </div>
  );
}
