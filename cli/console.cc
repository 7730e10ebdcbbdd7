// `console`: opens the web console in a browser that is logged in by a link, which is good once; or
// prints that link (decision 0076).
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "client/transport.h"

namespace skiff::cli {
namespace {

// The page, and the namespace that it begins in, where one is named.
std::string PageIn(const Session& session) {
  http::Request page;
  page.path = "/console/";
  if (session.namespace_named()) page.query.emplace_back("namespace", session.namespace_());
  return EncodeTarget(page);
}

// What another server says of a path that it does not know, or lets nobody ask for.
bool HasNoConsole(Reason reason) {
  return reason == Reason::kNotFound || reason == Reason::kMethodNotAllowed;
}

}  // namespace

Result<> RunConsole(Command& command, const Args& args) {
  bool print = false;
  command.Flag("print", print, "Print the link, and open no browser.");
  TRY(command.Parse(args));
  TRY(command.ExpectNoWords());
  Session& session = *TRY(command.session());
  std::string server = session.options().server;
  if (server.ends_with('/')) server.pop_back();
  const auto made = session.api().Write("POST", "/console/link", {}, Json::object());
  if (!made && HasNoConsole(made.error().reason)) {
    return CliError(fmt::format("{} has no console: it is not skiff, or an older one", server));
  }
  if (!made) return Fail(made.error());
  const std::string page = server + "/console/";
  const std::string link = server + PageIn(session) + "#login=" + TextAt(*made, "code");
  const std::string user = TextAt(*made, "user");
  const auto& browse = command.environment().browse;
  if (!print && browse && browse(link)) {
    command.Print("Opened {} in your browser, logged in as {}.\nNo window? {} console --print\n",
                  page, user, command.environment().program);
    return {};
  }
  command.Print("{}\n", link);
  command.Warn("Open this link within {} seconds: it works once, and logs in as {}.\n",
               IntAt(*made, "expiresInSeconds"), user);
  return {};
}

}  // namespace skiff::cli
