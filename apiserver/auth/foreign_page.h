// A client certificate belongs to a browser as a whole: it shows it with every request to this
// server, whichever site's page made that. A page of another site is to have no part of it, be it a
// form, a request without an answer, or a WebSocket, which asks no server for leave (CORS).
#pragma once

#include "http/message.h"

namespace skiff {

// Whether a page of another site made this request. Browsers say so (Sec-Fetch-Site; Origin, beside
// which older ones and plain http have nothing), and no page can keep them from it. What is no
// browser says nothing, or names an Origin of its own choosing: that is never refused. Nor is a
// link that somebody follows: its answer is shown to him alone.
bool IsFromForeignPage(const http::Request& request);

}  // namespace skiff
