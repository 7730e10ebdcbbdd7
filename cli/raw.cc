#include "cli/raw.h"

#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "api/text/go_text.h"
#include "cli/manifest_url.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

Result<std::string> BodyOf(Command& command, const std::string& name) {
  if (name == "-") return command.environment().read_input();
  std::ifstream in(name, std::ios::binary);
  if (!in) return CliError(fmt::format("open {}: no such file or directory", name));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

Result<> CheckRawUri(const std::string& uri) {
  if (uri.starts_with('/')) return {};
  return CliError(fmt::format("--raw must be a valid URL path: parse {}: invalid URI for request",
                              GoQuote(uri)));
}

Result<> CheckRaw(Command& command, const std::string& uri, const FileFlags& files,
                  bool needs_file) {
  const size_t count = files.filenames.size();
  if (needs_file && files.empty()) return CliError("must specify one of -f and -k");
  if (count > 1 || (needs_file && count == 0)) {
    return CliError("--raw can only use a single local file or stdin");
  }
  if (count == 1 && IsUrl(files.filenames[0])) {
    return CliError("--raw cannot read from a url");
  }
  if (files.recursive) {
    return CliError("--raw and --recursive are mutually exclusive");
  }
  if (command.Given("selector")) {
    return CliError("--raw and --selector (-l) are mutually exclusive");
  }
  if (command.Given("output")) {
    return CliError("--raw and --output are mutually exclusive");
  }
  return CheckRawUri(uri);
}

Result<> SendRaw(Command& command, const std::string& method, const std::string& uri,
                 const FileFlags& files) {
  http::Request request;
  request.method = method;
  const size_t question = uri.find('?');
  request.path = http::UrlDecode(uri.substr(0, question), /*plus_is_space=*/false);
  if (question != std::string::npos) request.query = http::ParseQuery(uri.substr(question + 1));
  if (!files.filenames.empty()) {
    request.body = TRY(BodyOf(command, files.filenames[0]));
    request.headers.emplace("Content-Type", "application/json");
  }
  if (method == "GET") {
    request.headers.emplace("Accept", "application/json, */*");
    request.wants_stream = true;  // It may be a log, or a list of all that there is.
  }
  Session& session = *TRY(command.session());
  const http::Response response = session.api().Send(std::move(request));
  if (response.status < 200 || response.status > 299) return Fail(Api::ErrorOf(response));
  Environment& environment = command.environment();
  if (response.stream) {
    return PullAll(environment, *response.stream, session.request_limit(), environment.out);
  }
  environment.out(Api::BodyOf(response));
  return {};
}

}  // namespace skiff::cli
