#include "apiserver/auth/front_proxy.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace skiff {
namespace {

// The first that says something.
std::string FirstValue(const http::Request& request, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string_view value = request.Header(name.c_str());
    if (!value.empty()) return std::string(value);
  }
  return "";
}

// As servers read header names that keep them as variables of an environment (CGI, WSGI): there
// X_Remote_User is X-Remote-User.
bool IsReadAs(std::string_view name, std::string_view wanted) {
  return std::ranges::equal(name, wanted, [](char a, char b) {
    return Lower(a == '_' ? '-' : a) == Lower(b == '_' ? '-' : b);
  });
}

bool IsAmong(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& each) { return IsReadAs(name, each); });
}

bool HasPrefixOf(const std::vector<std::string>& prefixes, std::string_view name) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& each) {
    return IsReadAs(name.substr(0, each.size()), each);
  });
}

// In which proxies name users unless they are told otherwise, and in which this server does.
const FrontProxyOptions& UsualHeaders() {
  static const FrontProxyOptions usual = {.username_headers = {"X-Remote-User"},
                                          .uid_headers = {"X-Remote-Uid"},
                                          .group_headers = {"X-Remote-Group"},
                                          .extra_header_prefixes = {"X-Remote-Extra-"}};
  return usual;
}

bool NamesUser(const FrontProxyOptions& options, std::string_view header) {
  return IsAmong(options.username_headers, header) || IsAmong(options.uid_headers, header) ||
         IsAmong(options.group_headers, header) ||
         HasPrefixOf(options.extra_header_prefixes, header);
}

bool IsBlank(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isspace(c) != 0; });
}

}  // namespace

std::string UnescapeExtraKey(std::string_view text) {
  const auto is_hex = [&](size_t at) {
    return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (!is_hex(i + 1) || !is_hex(i + 2)) return std::string(text);
    out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}

bool MayBeFrontProxy(const FrontProxyOptions& options, const std::string& common_name) {
  const auto& names = options.allowed_names;
  return names.empty() || std::find(names.begin(), names.end(), common_name) != names.end();
}

std::optional<User> UserInHeaders(const FrontProxyOptions& options, const http::Request& request) {
  User user{.name = FirstValue(request, options.username_headers)};
  if (user.name.empty()) return std::nullopt;
  user.uid = FirstValue(request, options.uid_headers);
  for (const std::string& name : options.group_headers) {
    const auto [begin, end] = request.headers.equal_range(name);
    for (auto at = begin; at != end; ++at) {
      if (!at->second.empty()) user.groups.push_back(at->second);
    }
  }
  // Values of one key come in the order of the prefixes.
  for (const std::string& given : options.extra_header_prefixes) {
    const std::string prefix = Lower(given);
    for (const auto& [name, value] : request.headers) {
      const std::string lower = Lower(name);
      if (!lower.starts_with(prefix)) continue;
      user.extra[UnescapeExtraKey(lower.substr(prefix.size()))].push_back(value);
    }
  }
  return user;
}

void RemoveIdentity(const FrontProxyOptions& options, http::Headers& headers) {
  static const std::vector<std::string> impersonation = {"Impersonate-"};
  std::erase_if(headers, [&](const auto& header) {
    const std::string_view name = header.first;
    return http::EqualsIgnoreCase(name, "Authorization") || HasPrefixOf(impersonation, name) ||
           NamesUser(UsualHeaders(), name) || NamesUser(options, name);
  });
}

void RemoveForwardedLookalikes(http::Headers& headers) {
  static const std::vector<std::string> forwarded = {"X-Forwarded-"};
  std::erase_if(headers, [](const auto& header) {
    const std::string_view name = header.first;
    return HasPrefixOf(forwarded, name) &&
           name.substr(0, forwarded.front().size()).find('_') != name.npos;
  });
}

Result<> CheckFrontProxy(const FrontProxyOptions& options) {
  const std::pair<const char*, const std::vector<std::string>*> lists[] = {
      {"requestheader-username-headers", &options.username_headers},
      {"requestheader-group-headers", &options.group_headers},
      {"requestheader-extra-headers-prefix", &options.extra_header_prefixes},
      {"requestheader-allowed-names", &options.allowed_names},
      {"requestheader-uid-headers", &options.uid_headers}};
  for (const auto& [flag, list] : lists) {
    if (std::any_of(list->begin(), list->end(), &IsBlank)) {
      return Fail(Reason::kInvalid, "empty value in \"" + std::string(flag) + "\"");
    }
  }
  return {};
}

}  // namespace skiff
