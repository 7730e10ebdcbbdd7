//   address   = mailbox / group
//   group     = phrase ":" [mailbox *("," mailbox)] ";"
//   mailbox   = spec [comment] / [phrase] "<" spec ">"
//   spec      = (atom / quoted) "@" (atom / "[" IP address "]")
//   phrase    = 1*(atom / quoted)
// A spec is looked for first. An atom of a phrase may have its dots anywhere, and may be an encoded
// word (RFC 2047): one whose characters nobody knows ends the phrase.
#include "api/crd/mail_address.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "api/cel/net.h"
#include "api/codec/base64.h"
#include "api/text/utf8.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

bool IsVisible(char c) {
  return (c >= '!' && c <= '~') || (c & 0x80) != 0;
}
bool InAtom(char c) {
  return IsVisible(c) && std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos;
}

// The bytes of an encoded word's text in the way "Q"; nothing: it is not one.
std::optional<size_t> BytesOfQ(std::string_view text) {
  size_t bytes = 0;
  for (size_t i = 0; i < text.size(); ++i, ++bytes) {
    const bool blank = text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r';
    if (!blank && (text[i] < '!' || text[i] > '~')) return std::nullopt;
    if (text[i] != '=') continue;
    const auto is_digit = [](unsigned char c) { return std::isxdigit(c) != 0; };
    if (i + 2 >= text.size() || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) {
      return std::nullopt;
    }
    i += 2;
  }
  return bytes;
}

enum class Word { kPlain, kEmpty, kDecoded, kUnknownCharacters };

// "=?utf-8?q?text?="
Word ReadWord(std::string_view word) {
  const bool framed = word.size() >= 8 && word.starts_with("=?") && word.ends_with("?=") &&
                      std::count(word.begin(), word.end(), '?') == 4;
  if (!framed) return Word::kPlain;
  word = word.substr(2, word.size() - 4);
  const size_t end = word.find('?');
  const std::string_view characters = word.substr(0, end);
  word.remove_prefix(end + 1);
  if (characters.empty() || word.find('?') != 1) return Word::kPlain;
  const char way = static_cast<char>(word[0] | 0x20);
  const std::string_view text = word.substr(2);
  std::optional<size_t> bytes;
  if (way == 'q') bytes = BytesOfQ(text);
  if (way == 'b') {
    if (const auto decoded = DecodeBase64(text)) bytes = decoded->size();
  }
  if (!bytes) return Word::kPlain;
  const std::string known = Lower(characters);
  if (known != "utf-8" && known != "iso-8859-1" && known != "us-ascii") {
    return Word::kUnknownCharacters;
  }
  return *bytes == 0 ? Word::kEmpty : Word::kDecoded;
}

// Each Take* moves over what it names, and says whether it stood there; after "no" the place is
// anywhere, but for TakeSpec.
class MailReader {
 public:
  explicit MailReader(std::string_view text) : rest_(text) {}

  bool IsOne() {
    const std::optional<size_t> mailboxes = TakeAddress();
    return mailboxes == 1 && TakeComments() && rest_.empty();
  }

 private:
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void TakeBlanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  }

  // How many mailboxes it has.
  std::optional<size_t> TakeAddress() {
    bool group = false;
    if (!TakeMailbox(&group)) return std::nullopt;
    return group ? TakeGroup() : std::optional<size_t>(1);
  }

  // `group` says whether it was the beginning of one; null: there may be none.
  bool TakeMailbox(bool* group) {
    TakeBlanks();
    if (rest_.empty()) return false;
    if (TakeSpec()) {
      TakeBlanks();
      return !rest_.starts_with('(') || TakeNameInComment();
    }
    if (rest_[0] != '<' && !TakePhrase()) return false;
    TakeBlanks();
    if (group != nullptr && Take(':')) return *group = true;
    return Take('<') && TakeSpec() && Take('>');
  }

  std::optional<size_t> TakeGroup() {
    TakeBlanks();
    if (Take(';')) return TakeComments() ? std::optional<size_t>(0) : std::nullopt;
    for (size_t mailboxes = 1;; ++mailboxes) {
      if (!TakeMailbox(nullptr) || !TakeComments()) return std::nullopt;
      if (Take(';')) return TakeComments() ? std::optional(mailboxes) : std::nullopt;
      if (!Take(',')) return std::nullopt;
    }
  }

  // Stays where it was when there is none.
  bool TakeSpec() {
    const std::string_view before = rest_;
    if (TakeLocalPart() && Take('@') && TakeDomain()) return true;
    rest_ = before;
    return false;
  }

  bool TakeLocalPart() {
    TakeBlanks();
    if (!rest_.starts_with('"')) return TakeDottedAtom();
    return !rest_.starts_with("\"\"") && TakeQuoted();
  }

  bool TakeDomain() {
    TakeBlanks();
    if (!Take('[')) return TakeDottedAtom();
    const size_t end = rest_.find(']');
    if (end == std::string_view::npos) return false;
    const cel::ReadAddress address = cel::ParseAddress(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return address.error.empty() && !address.has_zone;
  }

  // As far as it goes; "" where there is none, or what is no UTF-8.
  std::string_view TakeAtom() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), InAtom);
    const std::string_view atom = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    if (!IsUtf8(atom)) return {};
    rest_.remove_prefix(atom.size());
    return atom;
  }

  bool TakeDottedAtom() {
    const std::string_view atom = TakeAtom();
    return !atom.empty() && atom.front() != '.' && atom.back() != '.' &&
           atom.find("..") == std::string_view::npos;
  }

  bool TakeQuoted() {
    bool escaped = false;
    for (size_t i = 1; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (!IsVisible(c) && c != ' ' && c != '\t') return false;
      if (!escaped && c == '"') {
        const bool well = IsUtf8(rest_.substr(0, i));
        rest_.remove_prefix(i + 1);
        return well;
      }
      escaped = !escaped && c == '\\';
    }
    return false;
  }

  // What ends it is for the caller to look at, once there is a word.
  bool TakePhrase() {
    bool any = false;      // Words that are not encoded.
    bool decoded = false;  // Encoded ones, with a text.
    for (bool ended = false; !ended;) {
      if (any && !TakeComments()) return false;
      TakeBlanks();
      if (rest_.empty()) return true;
      Word word = Word::kPlain;
      if (rest_[0] == '"') {
        ended = !TakeQuotedOrStay();
      } else {
        const std::string_view atom = TakeAtom();
        word = ReadWord(atom);
        ended = atom.empty() || word == Word::kUnknownCharacters;
      }
      if (ended) break;
      any = any || word == Word::kPlain;
      decoded = decoded || word == Word::kDecoded;
    }
    return any || decoded;
  }

  bool TakeQuotedOrStay() {
    const std::string_view before = rest_;
    if (TakeQuoted()) return true;
    rest_ = before;
    return false;
  }

  bool TakeComments() {
    TakeBlanks();
    while (Take('(')) {
      if (!TakeComment()) return false;
      TakeBlanks();
    }
    return true;
  }

  // Its "(" is behind.
  bool TakeComment() {
    size_t i = 0;
    for (size_t depth = 1; i < rest_.size() && depth > 0; ++i) {
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        ++i;
      } else if (rest_[i] == '(') {
        ++depth;
      } else if (rest_[i] == ')' && --depth == 0) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  // A comment after a spec names whose it is: its words may be encoded, too.
  bool TakeNameInComment() {
    Take('(');
    const std::string_view before = rest_;
    if (!TakeComment()) return false;
    const std::string_view comment = before.substr(0, before.size() - rest_.size() - 1);
    std::string word;
    for (size_t i = 0; i <= comment.size(); ++i) {
      if (i < comment.size() && comment[i] == '\\' && i + 1 < comment.size()) ++i;
      if (i < comment.size() && comment[i] != ' ' && comment[i] != '\t') {
        word += comment[i];
        continue;
      }
      if (ReadWord(word) == Word::kUnknownCharacters) return false;
      word.clear();
    }
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool IsMailAddress(std::string_view text) {
  return MailReader(text).IsOne();
}

}  // namespace skiff::crd
