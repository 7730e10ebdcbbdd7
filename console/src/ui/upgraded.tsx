// The page is of another version than its server, which lacks a part of it. Within a form, too: Enter sends that.
import { t } from '../texts';
import { reload } from './unsaved';

export function Upgraded() {
  return (
    <div class="empty" role="alert">
      <h2>{t.upgraded.title}</h2>
      <p>{t.upgraded.text}</p>
      <button type="button" class="button primary" onClick={reload}>{t.upgraded.reload}</button>
    </div>
  );
}
