// Who asks, as a server behind this one is told: in headers, which it believes because of our
// client certificate. Pure.
//
//   X-Remote-User: alice      X-Remote-Uid: 17      X-Remote-Group: dev (one each)
//   X-Remote-Extra-Scopes%2fX: ...                  what is no letter of a name is escaped
#pragma once

#include "apiserver/auth/user.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

// Says that it is `user`, and nobody else. Fails, in Go's words, when a name cannot be written into
// a header: half of it would be somebody else's, or a header of its own.
Result<> SetIdentity(const User& user, http::Headers& headers);

// As which the server itself asks: whether somebody answers and what he has, and for documents.
User AggregatorUser();
User OpenApiAggregatorUser();

}  // namespace skiff
