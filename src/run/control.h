/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The supervisor's control socket (RUNTIME/control.sock, mode 0600): a client connects, sends one JSON
 * object, says that it is done (shutdown), gets one JSON object back. Requests:
 *   {"command": "status"}                     -> what run/status.h writes
 *   {"command": "apply"}                      -> {"ok": bool, "text": "...", "findings": [...]}
 *                                                applies the documents in STATE/proposed.json
 *   {"command": "apply-bundle", "seconds": N, "user": "..."}
 *                                             -> the same; the bundle in STATE/proposed.bundle, on trial for so long
 *   {"command": "confirm", "user": "..."}     -> {"ok": bool, "error": errno or 0, "text": "..."}; ends the trial
 *   {"command": "rollback", "user": "..."}    -> the same; undoes it
 *   {"command": "grant", "user": "..."}       -> as of apply; the grant in STATE/proposed.grant begins
 *   {"command": "grant-end", "text": DIGEST, "user": "..."}
 *                                             -> as of confirm; ends those whose digest begins so
 *   {"command": "island", "text": WHY, "user": "..."}, {"command": "island-end", "user": "..."}
 *                                             -> as of confirm
 *   {"command": "verify"}                     -> what run/drift_json.h writes, or {"ok": false, "text"}
 *   {"command": "maintenance", "seconds": N}  -> {"ok": bool, "until": seconds UTC or 0, "text"}; 0 ends it
 *   {"command": "clock", "confirm": bool}     -> {"ok": true, "clock": as in status}
 */
#include "base/arena.h"
#include "base/diag.h"
#include "json/value.h"
#include "policy/documents.h"

#define CONTROL_SOCKET "control.sock"
#define CONTROL_PROPOSED "proposed.json" /* in the state folder */
#define CONTROL_BUNDLE "proposed.bundle" /* likewise */
#define CONTROL_GRANT "proposed.grant"   /* likewise */
#define CONTROL_REQUEST_MAX (64u << 10)
#define CONTROL_ANSWER_MAX (64u << 20)

/* ---- client ---- */

/*
 * Sends a request and waits for the answer (in the arena). -ENOENT or -ECONNREFUSED: no supervisor is
 * running; -EBADMSG: the answer is not JSON.
 */
__attribute__((warn_unused_result))
int control_call(const char *runtime, const char *request, struct arena *arena,
		 const struct value **ret);

/*
 * Asks the supervisor to apply a site: the documents are handed over in the state folder (the supervisor may
 * not be able to read where they come from). Fills in its findings; *ret_text says what happened, or when
 * negative errno is returned, what could not be done.
 */
__attribute__((warn_unused_result))
int control_apply(const char *runtime, const char *state, const struct documents *documents,
		  struct arena *arena, struct diag_list *diags, bool *ret_applied,
		  const char **ret_text);

/*
 * The same with a signed file, whose bytes are handed over: a bundle ("apply-bundle"), on trial for so many seconds, or a
 * "grant" (seconds 0); `user` is at the box.
 */
__attribute__((warn_unused_result))
int control_propose(const char *runtime, const char *state, const char *command, const char *bytes, size_t len,
		    int64_t seconds, const char *user, struct arena *arena, struct diag_list *diags, bool *ret_applied,
		    const char **ret_text);

/* "confirm", "rollback", "grant-end", "island", "island-end"; text: or NULL. Results as above. */
__attribute__((warn_unused_result))
int control_decide(const char *runtime, const char *what, const char *user, const char *text, struct arena *arena,
		   bool *ret_done, const char **ret_text);

/* ---- server ---- */

/* Binds the socket; one that is left over is replaced (the caller holds the lock). */
__attribute__((warn_unused_result)) int control_listen(const char *runtime);

/* Removes the socket's name. */
void control_forget(const char *runtime);

/* Takes a client and reads its request, waiting a second at most. The client's descriptor or -errno. */
__attribute__((warn_unused_result))
int control_accept(int listener, struct arena *arena, const struct value **ret);

/* Sends the answer and closes the client. What cannot be sent in two seconds is lost. */
void control_answer(int client, const char *text, size_t length);
