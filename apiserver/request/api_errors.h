// The API's usual errors, in its own words. `GroupResource` is what a message calls
// "deployments.apps".
#pragma once

#include <string>
#include <string_view>

#include "api/type.h"
#include "base/error.h"

namespace skiff {

struct GroupResource {
  std::string_view group;
  std::string_view resource;
  std::string Text() const {
    std::string text(resource);
    if (!group.empty()) text.append(".").append(group);
    return text;
  }
};
inline GroupResource GroupResourceOf(const KindInfo& kind) {
  return {kind.group, kind.resource};
}

// As Go's %q prints it.
std::string Quoted(std::string_view text);
// The text of a refusal may end up in a browser.
std::string EscapeMarkup(std::string_view text);

// Several errors as Kubernetes joins them: "a", "[a, b]"; each text once.
std::string JoinedErrors(const std::vector<std::string>& errors);

Error NotFoundError(GroupResource what, std::string_view name);
Error AlreadyExistsError(GroupResource what, std::string_view name);
Error ConflictError(GroupResource what, std::string_view name, std::string_view detail);
// The object has been modified by somebody else since it was read.
Error ModifiedError(GroupResource what, std::string_view name);
// An update has to say of which version it is, by what it writes or a patch leaves there.
Error NoVersionError(const KindInfo& kind, std::string_view name);
// Another object has the name by now, or another version of it: what the caller wanted was not met.
// `key` is where the store keeps it; `why` says what was wanted and what was there.
Error StaleObjectError(GroupResource what, std::string_view name, std::string_view key,
                       std::string_view why);
std::string UidMismatch(std::string_view given, std::string_view actual);
Error Forbidden(GroupResource what, std::string_view name, std::string_view detail);
Error MethodNotSupported(GroupResource what, std::string_view action);
Error InternalErrorOf(std::string_view detail);
// A failure that has no reason of its own: 500 and the bare text.
Error PlainError(std::string message);
// Whether the object that was sent has the name by which it is addressed.
Result<> MatchName(const std::string& given, const std::string& on_url);
// 404 of a path that leads nowhere within a known group-version.
Error UnknownResourceError();
// 405 of a known path.
Error MethodNotAllowedHere();
// 503 where nobody knows what there is: not "there is no such thing", by which others would be
// forgotten.
Error LacksKinds();
// 504 with the hint to come again.
Error TooLargeRevision(uint64_t asked, uint64_t current);
// Of what others take up there is too much: 429, with a time after which to come again.
Error RefusedForNow();

}  // namespace skiff
