// libcurl's easy and URL interfaces, loaded when the first connection is made: only few commands need it, and linking
// it would make every process some milliseconds later.
//
// Swift cannot call functions with variable arguments; each ccurl_set_… passes on one argument of one type.
#pragma once

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/// Loads and initialises libcurl; later calls only say whether that succeeded. Every other function may be called only
/// after it returned 1.
int ccurl_load(void);

CURL *ccurl_easy_init(void);
void ccurl_easy_cleanup(CURL *handle);
void ccurl_easy_reset(CURL *handle);
CURLcode ccurl_easy_perform(CURL *handle);
const char *ccurl_easy_strerror(CURLcode code);

CURLcode ccurl_set_number(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_size(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value);
typedef size_t (*ccurl_transfer)(char *buffer, size_t size, size_t count, void *context);
CURLcode ccurl_set_transfer(CURL *handle, CURLoption option, ccurl_transfer value);
typedef int (*ccurl_seek)(void *context, curl_off_t offset, int origin);
CURLcode ccurl_set_seek(CURL *handle, ccurl_seek value);

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *line);
void ccurl_slist_free_all(struct curl_slist *list);

CURLU *ccurl_url(void);
void ccurl_url_cleanup(CURLU *url);
CURLUcode ccurl_url_set(CURLU *url, CURLUPart part, const char *value, unsigned int flags);
CURLUcode ccurl_url_get(CURLU *url, CURLUPart part, char **value, unsigned int flags);
void ccurl_free(void *value);

/// The seconds since 1970 of a date in one of HTTP's forms; -1 for what is none.
time_t ccurl_getdate(const char *text);
