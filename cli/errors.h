// Errors in kubectl's words.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace skiff::cli {

// What goes to standard error, with its newline. The server's errors are told apart from our own by
// their http_code.
std::string ErrorText(const Error& error);
// Of one among several, which has a line of its own.
std::string ErrorTextAmongOthers(const Error& error);
// Of an error that says that the server cannot be reached: "https://h:1", and why; else nothing.
struct Unreachable {
  std::string server;
  std::string why;
};
std::optional<Unreachable> UnreachableProblem(const Error& error);
// What kubectl says of it where it would have validated a document before anything else.
Error ValidationFailure(const Unreachable& problem, const std::string& source);
// Of our own making: "error: TEXT".
tl::unexpected<Error> CliError(std::string text);
// The same without "error: " before it. A newline at its end is an empty line where there are others.
tl::unexpected<Error> PlainError(const std::string& text);
// `error when creating "web.yaml": ...`, as a prefix of the message.
Error WithSource(Error error, const std::string& verb, const std::string& source);

}  // namespace skiff::cli
