// Lists of objects as one version of their kind, where a webhook may have to make that of them
// first: of many objects in one question, and before they are selected from, since labels and
// fields are those of the version that was asked for.
#pragma once

#include "api/type.h"
#include "apiserver/storage/store.h"

namespace skiff {

// A page of such a list: so many records as have about `bytes_max` bytes as they are kept, one at
// least, unless there is none. No more than about `request.limit`, which is not 0.
Result<ListPage> PageInVersion(Store& store, const KindInfo& kind, const ListRequest& request,
                               size_t bytes_max);
// The same of whatever is in the store, as it is kept.
Result<ListPage> PageOf(Store& store, const ListRequest& request, size_t bytes_max);
// Store::OpenList, likewise: what is held is about two megabytes as they are kept, and what comes
// of them; where it is selected from, four. `kind` outlives the cursor.
Result<std::unique_ptr<ListCursor>> OpenListInVersion(Store& store, const KindInfo& kind,
                                                      const ListRequest& request);
// Why objects of a kind are not shown to who would take them of whatever revision: where the
// webhook that makes this version of them failed, kube-apiserver has none of them to show, and says
// when to ask again.
Error UnreadyInVersion(const KindInfo& kind, Error error);

}  // namespace skiff
