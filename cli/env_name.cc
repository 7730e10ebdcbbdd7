#include "cli/env_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/go_text.h"
#include "cli/errors.h"

namespace skiff::cli {
namespace {

constexpr char kEnvNameForm[] =
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or "
    "'.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or "
    "'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";

bool IsEnvName(const std::string& name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

}  // namespace

Result<> CheckEnvName(const std::string& name) {
  if (IsEnvName(name)) return {};
  return CliError(fmt::format("{} is not a valid key name: {}", GoQuote(name), kEnvNameForm));
}

}  // namespace skiff::cli
