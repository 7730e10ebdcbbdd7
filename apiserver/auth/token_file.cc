#include "apiserver/auth/token_file.h"

#include <vector>

namespace skiff {
namespace {

// One line of CSV: quotes may stand around a column and double inside it.
std::vector<std::string> Columns(std::string_view line) {
  std::vector<std::string> columns(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      columns.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      columns.emplace_back();
    } else if (c != ' ' || quoted || !columns.back().empty()) {
      columns.back() += c;
    }
  }
  return columns;
}

}  // namespace

Result<TokenFile> TokenFile::Parse(std::string_view text) {
  TokenFile file;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto columns = Columns(line);
    if (columns.size() < 3) {
      return Fail(Reason::kInvalid,
                  "token file must have at least 3 columns (token, user name, user uid), found " +
                      std::to_string(columns.size()) + " in line " + std::to_string(number));
    }
    if (columns[0].empty()) continue;  // An empty token would let everybody in.
    User user{.name = columns[1], .uid = columns[2]};
    if (columns.size() > 3) {
      for (std::string& group : Columns(columns[3])) {
        if (!group.empty()) user.groups.push_back(std::move(group));
      }
    }
    file.users_[columns[0]] = std::move(user);
  }
  return file;
}

const User* TokenFile::Find(std::string_view token) const {
  const auto found = users_.find(token);
  return found == users_.end() ? nullptr : &found->second;
}

}  // namespace skiff
