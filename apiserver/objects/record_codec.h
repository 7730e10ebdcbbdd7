// Objects to stored records and back, and stored bytes to what clients are sent. An object is kept
// as the JSON text that clients get, its members in the order of the types, as Go writes them:
//
//   {"kind":"Pod","apiVersion":"v1","metadata":{"name":"web",...,"resourceVersion":"17",...
//
// so that a list can leave out kind and apiVersion by cutting bytes. Where the revision stands, the
// record says.
#pragma once

#include <string>
#include <string_view>

#include "api/type.h"
#include "api/values.h"
#include "apiserver/objects/object.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

// The key of an object of that kind.
std::string KeyOf(const KindInfo& kind, std::string_view namespace_name, std::string_view name);

// JSON text of an object as it is stored or sent, resourceVersion left out; `revision_at` is where
// its digits go.
ObjectBody BodyText(const Object& object);
ObjectBody BodyText(const KindInfo& kind, const Json& document);

// JSON text of a document that has no resourceVersion: answers that are never stored, dry runs.
std::string PlainText(const KindInfo& kind, const Json& document);
// JSON text of an object with the resourceVersion that its metadata has.
std::string TextOf(const Object& object);

// What etcd has in its log of an object is no larger, whatever the store (etcd_size.h).
inline constexpr size_t kObjectBytesMax = 3 << 19;

// Said of an object that only its schema's defaults make larger: kRequestEntityTooLarge.
Error TooLargeWithDefaults();

// Whether clients are sent the very bytes that are stored: of any object of the kind, or of this
// one. Not so where an object is kept in another version, nor of a custom resource, unless it says
// of itself that it was kept by the schema of now and reads as it was kept (decision 0077).
bool IsSentAsKept(const KindInfo& kind);
bool IsSentAsKept(const KindInfo& kind, const ObjectView& view);

// The record of an object that is served as `kind`, in the version it is kept in. Fails for a
// custom resource which would, as it is kept, be too large with its defaults, unless it lacks them
// already.
Result<StoredObject> EncodeForStore(const Object& object);
Result<StoredObject> EncodeForStore(const KindInfo& kind, const Json& document);

// The same for an object in the version it is kept in, whose text is there already.
StoredObject EncodeBody(const KindInfo& kind, const Json& document, const ObjectBody& body);

// What a client would read after the write of an object, which its way into the version that it is
// kept in and back may change.
Result<Object> AsKept(const Object& object);

// The stored object as the version `kind`, its resourceVersion set.
Result<Json> DocumentOf(const KindInfo& kind, const Record& record);
Result<Object> ObjectOf(const KindInfo& kind, const Record& record);
// The same of a stored custom resource: by the schema of now.
Result<Object> CustomObjectOf(const KindInfo& kind, const ObjectView& view);

// Whether a webhook makes the versions of the kind one of another.
bool IsConvertedByWebhook(const KindInfo& kind);
// Whether one may have to be waited for when an object is read or written as `kind`, or
// listed: not all objects are known to be kept in this one.
bool MayConvert(const KindInfo& kind);
// Of a kind that a webhook converts, where an object is kept in another version: from now on
// MayConvert, whatever its definition says. Who cleans storedVersions may have been too early.
void MeetOthers(const KindInfo& kind);
// Under what such waits are counted together: of a definition by its name, of a kind of it.
std::string ConversionName(std::string_view definition);
std::string ConversionName(const KindInfo& kind);
// The same for the pages of lists and states. Where no object is known to need it they are counted
// apart, and do not wait behind those that do.
std::string PageConversionName(const KindInfo& kind);
// Whether one does for this very record.
bool NeedsConversion(const KindInfo& kind, const Record& record);
// The records as they would be, were they kept in the version `kind`: those that are not are
// converted at once, in one question for each two megabytes of them. To read what comes of it
// nobody waits any more.
Result<std::vector<RecordPtr>> InVersion(const KindInfo& kind, std::vector<RecordPtr> records);
// Whether the object is kept in another version than it would be now.
bool IsKeptInOldVersion(const KindInfo& kind, const Record& record);
// JSON text of the same, copied only where it must be converted.
Result<std::string> TextOf(const KindInfo& kind, const Record& record);
// Whether the record holds the very text that `object` would be stored as, its revision aside.
bool HoldsText(const Record& record, const Object& object);

// An item of a list says neither kind nor apiVersion, unless it is a custom resource: the text
// without them, a view into `text` after its first brace, which the caller writes itself.
std::string_view ItemTail(const KindInfo& kind, std::string_view text);

}  // namespace skiff
