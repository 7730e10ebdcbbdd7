#include "cli/errors.h"

#include <fmt/format.h>

#include <set>

#include "api/text/go_text.h"

namespace skiff::cli {
namespace {

// Marks an error's text that is printed as it is.
constexpr std::string_view kPlain = "\x02";
constexpr std::string_view kUnreachable = "Unable to connect to the server ";

std::string InvalidText(const Error& error) {
  std::string text = "The request is invalid";
  const bool named = error.details && !(error.details->kind.empty() && error.details->name.empty());
  if (named) {
    text = fmt::format("The {} {} is invalid", error.details->kind, GoQuote(error.details->name));
  } else if (error.causes.empty()) {
    return fmt::format("{}: {}\n", text, error.message);
  }
  std::vector<std::string> causes;
  std::set<std::string> seen;
  for (const Cause& cause : error.causes) {
    const std::string line =
        cause.field.empty() ? cause.message : fmt::format("{}: {}", cause.field, cause.message);
    if (seen.insert(line).second) causes.push_back(line);
  }
  text += ": ";
  if (causes.size() == 1) return text + causes[0] + "\n";
  text += "\n";
  for (const std::string& cause : causes) text += "* " + cause + "\n";
  return text;
}

std::string UnreachableText(const Unreachable& problem) {
  const std::string& why = problem.why;
  const size_t scheme = problem.server.find("://");
  const std::string host = problem.server.substr(scheme == std::string::npos ? 0 : scheme + 3);
  if (why.find("connection refused") != std::string::npos) {
    return fmt::format(
        "The connection to the server {} was refused - did you specify the right host or port?\n",
        host.substr(0, host.find('/')));
  }
  if (why == "SSLServerVerification") {
    return "Unable to connect to the server: tls: failed to verify certificate: x509: certificate "
           "signed by unknown authority\n";
  }
  return fmt::format("Unable to connect to the server: {}\n", why);
}

}  // namespace

// The transport's text is "Unable to connect to the server https://h:1: why".
std::optional<Unreachable> UnreachableProblem(const Error& error) {
  if (error.http_code != 503 || !error.message.starts_with(kUnreachable)) return std::nullopt;
  const std::string rest = error.message.substr(kUnreachable.size());
  const size_t scheme = rest.find("://");
  const size_t end = rest.find(": ", scheme == std::string::npos ? 0 : scheme + 3);
  return Unreachable{rest.substr(0, end), end == std::string::npos ? "" : rest.substr(end + 2)};
}

Error ValidationFailure(const Unreachable& problem, const std::string& source) {
  return CliError(fmt::format("error validating {}: error validating data: failed to download "
                              "openapi: Get {}: {}; if you choose to ignore these errors, turn "
                              "validation off with --validate=false",
                              GoQuote(source), GoQuote(problem.server + "/openapi/v2?timeout=32s"),
                              problem.why))
      .value();
}

std::string ErrorText(const Error& error) {
  if (error.message.starts_with(kPlain)) {
    std::string text = ErrorTextAmongOthers(error);
    if (text.ends_with("\n\n")) text.pop_back();
    return text;
  }
  if (error.http_code == 0) return "error: " + ErrorTextAmongOthers(error);
  if (error.reason == Reason::kInvalid) return InvalidText(error);
  return ErrorTextAmongOthers(error);
}

std::string ErrorTextAmongOthers(const Error& error) {
  if (error.message.starts_with(kPlain)) {
    return error.message.substr(kPlain.size()) + "\n";
  }
  if (error.http_code == 0) return error.message + "\n";
  if (const auto problem = UnreachableProblem(error)) return UnreachableText(*problem);
  if (error.reason == Reason::kUnauthorized) {
    return fmt::format("error: You must be logged in to the server ({})\n", error.message);
  }
  const std::string_view reason = ReasonText(error.reason);
  if (reason.empty()) return fmt::format("Error from server: {}\n", error.message);
  return fmt::format("Error from server ({}): {}\n", reason, error.message);
}

tl::unexpected<Error> CliError(std::string text) {
  return Fail(Reason::kBadRequest, std::move(text));
}

tl::unexpected<Error> PlainError(const std::string& text) {
  return Fail(Reason::kBadRequest, std::string(kPlain) + text);
}

Error WithSource(Error error, const std::string& verb, const std::string& source) {
  if (!source.empty() && !error.message.starts_with(kUnreachable)) {
    error.message = fmt::format("error when {} {}: {}", verb, GoQuote(source), error.message);
  }
  return error;
}

}  // namespace skiff::cli
