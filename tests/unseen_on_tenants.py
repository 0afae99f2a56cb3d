"""Broken tenants, by vendor, that no rule tells from whole ones where there is no control plane; and why not.

On a mock each of them is found. What is not named here is found on a tenant too.
"""

NOT_OURS = "no operation makes a task, and the tasks of a tenant are left alone"
STRANGERS = "needs a second person, and nobody is made to watch a task who is not among the known ids"
LIMITS = "limits are never used up on purpose, and others may use the same tenant"
LOGINS = "wrong logins would block somebody's account; only the callers of the run log in"
NO_LETTING_IN = "the target lets in nobody with what it answers to a login: the run ends, and says so"
LEFT_OPEN = "the documents leave it open: it is our own decision, which a tenant need not share"
NEAR_A_BORDER = "a tenant may be in another time zone, so dates within two days of a border say nothing"
PACED = "needs more calls in a minute than the tenant allows; a run that is paced finds it"

UNSEEN_ON_A_TENANT: dict[str, dict[str, str]] = {
    vendor: {name: why for why, names in told.items() for name in names.split()}
    for vendor, told in {
        "geotareas": {
            NOT_OURS: """
                state-answers-201 previous-is-new new-state-is-a-word new-state-missing task-id-is-a-number
                task-id-is-another state-tells-the-driver state-not-kept finished-is-open any-transition never-finished
                refused-and-done driver-not-needed any-board board-not-needed state-in-lower-case state-time-stands
                state-error-is-validation readers-change-states
            """,
            LIMITS: "remaining-stands no-limit full-one-early 429-is-403",
            LOGINS: "any-password login-tells-which login-never-blocked login-needs-no-tenant",
            NO_LETTING_IN: "login-is-no-jwt",
            LEFT_OPEN: """
                limit-101-taken text-trimmed blank-text-taken cards-search-minds-case slash-at-the-end-taken
                total-off-by-one cards-turned
            """,
            PACED: "text-of-5000-refused",
        },
        "kanbert": {
            STRANGERS: "add-watchers-replaces",
            NEAR_A_BORDER: "lte-is-lt today-is-tomorrow",
            LEFT_OPEN: """
                blank-title-taken create-starts-in-backlog create-is-private completed-at-not-set closed-at-stays
                delete-tells-another-state children-stay file-named-by-the-server method-unknown-404
                webhook-filter-ignored webhook-delete-does-nothing writers-read
            """,
        },
    }.items()
}
