#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// The functions of libcurl that are used, by name: pointers of the types that curl.h declares.
#define FUNCTIONS(X)                                                                                                   \
    X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset) X(curl_easy_perform)                 \
    X(curl_easy_strerror) X(curl_easy_setopt) X(curl_slist_append) X(curl_slist_free_all) X(curl_url)                  \
    X(curl_url_cleanup) X(curl_url_set) X(curl_url_get) X(curl_free) X(curl_getdate)

#define DECLARE(name) static __typeof__(&name) p_##name;
FUNCTIONS(DECLARE)

static int is_loaded;

static void load(void) {
    // Its version of the interface, as the linker would have noted it; the second name is of Debian's other build.
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
#define FIND(name)                                                                                                     \
    p_##name = (__typeof__(p_##name))dlsym(library, #name);                                                            \
    if (p_##name == NULL) return;
    FUNCTIONS(FIND)
    is_loaded = p_curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

int ccurl_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return is_loaded;
}

CURL *ccurl_easy_init(void) { return p_curl_easy_init(); }
void ccurl_easy_cleanup(CURL *handle) { p_curl_easy_cleanup(handle); }
void ccurl_easy_reset(CURL *handle) { p_curl_easy_reset(handle); }
CURLcode ccurl_easy_perform(CURL *handle) { return p_curl_easy_perform(handle); }
const char *ccurl_easy_strerror(CURLcode code) { return p_curl_easy_strerror(code); }

CURLcode ccurl_set_number(CURL *handle, CURLoption option, long value) {
    return p_curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return p_curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value) {
    return p_curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return p_curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return p_curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_transfer(CURL *handle, CURLoption option, ccurl_transfer value) {
    return p_curl_easy_setopt(handle, option, value);
}
CURLcode ccurl_set_seek(CURL *handle, ccurl_seek value) {
    return p_curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *line) {
    return p_curl_slist_append(list, line);
}
void ccurl_slist_free_all(struct curl_slist *list) { p_curl_slist_free_all(list); }

CURLU *ccurl_url(void) { return p_curl_url(); }
void ccurl_url_cleanup(CURLU *url) { p_curl_url_cleanup(url); }
CURLUcode ccurl_url_set(CURLU *url, CURLUPart part, const char *value, unsigned int flags) {
    return p_curl_url_set(url, part, value, flags);
}
CURLUcode ccurl_url_get(CURLU *url, CURLUPart part, char **value, unsigned int flags) {
    return p_curl_url_get(url, part, value, flags);
}
void ccurl_free(void *value) { p_curl_free(value); }

time_t ccurl_getdate(const char *text) { return p_curl_getdate(text, NULL); }
