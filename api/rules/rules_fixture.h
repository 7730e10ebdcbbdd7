// For tests of rules: runs them over documents as the server does, without a server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

using Sentences = std::vector<std::string>;

// Documents are JSON text with apiVersion and kind. Names and namespaces need not be given.
Json Parsed(std::string_view document);
// With defaults.
Json Defaulted(const Json& document);
// As create stores it, apart from its metadata.
Json Created(const Json& document);
// As an update of the main resource stores it; `old` is an object as stored.
Json Updated(const Json& old, const Json& document);
Json StatusUpdated(const Json& old, const Json& document);

// "field: message" of each violation.
Sentences CreateErrors(const Json& document);
Sentences UpdateErrors(const Json& old, const Json& document);
Sentences StatusErrors(const Json& old, const Json& document);
Sentences CreateWarnings(const Json& document);
Sentences UpdateWarnings(const Json& old, const Json& document);
Sentences StatusWarnings(const Json& old, const Json& document);

// `document` with the value at a JSON pointer replaced: With(pod, "/spec/hostname", "x").
Json With(Json document, const std::string& pointer, const Json& value);

}  // namespace skiff
