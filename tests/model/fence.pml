/* The fence (sluice-fence(7)) as a model: Route 53 holds the zones, a network in between loses, doubles, delays and
 * reorders, two runs take the zones, go forward, go back and leave, crash and come again, and a person deletes the
 * lease. run.sh says which configurations are searched, and undoes one rule after the other (M_...) to see that the
 * search finds out.
 *
 *   -DNZ=  zones (1)             -DNC=  batches a step and zone (1)    -DN=  batches of a zone that may be alive at once (5)
 *   -DRIVAL  run 1 is there too: takes what is free or released, takes over, or rolls back from another machine
 *   -DCRASH  a run dies anywhere and comes again      -DPERSON  somebody deletes the TXT at any time
 *   -DREMOVE  the released lease is removed           -DDOUBLE  the network doubles requests by itself
 *   -DONLY_A ... -DONLY_E  one property alone         -DLIVE  faults end some day: for the claim below
 *
 * A lease's value is the number of the batch that created it. Numbers are used again only when nothing refers to them
 * any more (forget()), which is what a nonce and a generation used once come to; so nothing bounds how long runs go on,
 * only how many batches are alive at a time. Time is not counted: a request may be late without end, and where the
 * protocol waits for six minutes, what was sent before is dead.
 *
 * Every move is one indivisible step. Scratch variables are hidden: they mean nothing between two steps. */

#ifndef NZ
#define NZ 1
#endif
#ifndef NC
#define NC 1
#endif
#ifndef N
#define N 5
#endif

#if !defined(ONLY_A) && !defined(ONLY_B) && !defined(ONLY_C) && !defined(ONLY_E)
#define ONLY_A
#define ONLY_B
#define ONLY_C
#define ONLY_E
#endif

#ifndef COPIES
#define COPIES 2 /* of one batch under way at once */
#endif
#ifdef REMOVE
#define YOUNG 1 /* what is not needed does not multiply states */
#else
#define YOUNG 0
#endif
#if defined(PERSON) && defined(MAKE_ANEW)
#define SEEN 1
#else
#define SEEN 0
#endif

/* What a batch is for, and the state of the lease it creates. */
#define LONE  1 /* CREATE of the lease, nothing else */
#define SEIZE 2 /* another run's lease deleted, ours created */
#define MOVE  3 /* a taking batch, or a step forward: DELETE as listed, CREATE */
#define BEAT  4
#define BACK  5 /* UPSERT: old weights */
#define REL   6
#define FWD 0
#define REV 1
#define OUT 2 /* released */

typedef Batch {
    unsigned kind : 3;
    unsigned by : 1;
    unsigned st : 2;
    unsigned del : 3;   /* the lease value it DELETEs; 0: none */
    unsigned set : 2;   /* which records: 0 none, else chunk + 1 */
    unsigned from : 1;
    unsigned to : 1;
    unsigned air : 2;   /* copies under way */
    unsigned known : 1; /* its run reckons that it may still land */
    unsigned loose : 1; /* an attempt ended without an answer: a refusal of another one is not the end of it */
    unsigned taking : 1;
    unsigned young : 1; /* signed after the lease was last written */
    unsigned landed : 2;
    unsigned old : 1;   /* another run took the zone since it was made */
    unsigned twin : 3   /* the batch this one repeats in other words (a mutation only) */
};

/* One run's work in one zone. */
typedef Work {
    unsigned ph : 5;
    unsigned cert : 3;  /* the lease value that is certain; 0: unknown */
    unsigned cur : 3;   /* the batch in hand */
    unsigned ans : 2;
    unsigned chunk : 2;
    unsigned done : 2;  /* chunks whose rollback is known to have landed */
    unsigned tried : 8; /* lease values tried in this round */
    unsigned mine : 4;  /* weights that may be ours, two bits a chunk */
    unsigned seen : 1   /* this very process saw the lease of its own, less than six minutes ago */
};

#define WAIT 1 /* answers: none yet, applied, refused, none will come */
#define OK   2
#define NO   3
#define LOST 0

/* Phases of a zone. */
#define IDLE     0
#define LEASE    1  /* taking: the lease is to be read */
#define LONING   2
#define SEIZING  3
#define TAKE     4
#define TAKING   5
#define TSORT    6
#define BASE     7
#define TAKEN    8
#define READ     9  /* forward: lease and records are to be read */
#define MOVING   10
#define FSORT    11
#define MOVED    12
#define BACKW    13
#define BACKING  14
#define BSORT    15
#define BLONING  16
#define CONFIRM  17
#define DONE     18
#define UNSAFE   19
#define DEPOSED  20
#define RELW     21
#define RELING   22
#define RSORT    23
#define BEATSORT 24

/* What a run is about. */
#define G_NONE  0
#define G_TAKE  1
#define G_HOLD  2
#define G_APPLY 3
#define G_BACK  4
#define G_REL   5
#define G_OVER  6

typedef Run {
    unsigned goal : 3;
    unsigned how : 2;    /* takes what is free, takes over, rolls back from another machine */
    unsigned applied : 1;
    unsigned rolled : 1  /* rolled_back was said */
};

Batch bt[NZ * (N + 1)];
Work wk[2 * NZ];
Run rn[2];
byte lease[NZ];
bit weight[NZ * NC];

/* For the properties alone. */
bit took[2 * NZ];    /* this run has had the zone */
bit over[2 * NZ];    /* and another one took it after it */
bit changed[2 * NZ]; /* this run wrote records */
bit passed[2 * NZ];  /* and another one did after it */
bit by_hand[NZ];     /* somebody deleted the TXT */
bit works;           /* the API works from now on, nobody crashes, nobody interferes by hand */

hidden byte x, y, v, nb, reach, ok, i, j;

#define B(n) bt[z * (N + 1) + (n)]
#define W    wk[r * NZ + z]
#define R    rn[r]
#define ALL  ((1 << NC) - 1)
#define BIT(n) (1 << (n))
#if NZ > 1
#define TURN (z == 0 || wk[r * NZ].ph == TAKEN) /* zones are taken in order */
#else
#define TURN true
#endif
#define OURS(n) ((n) != 0 && B(n).by == r)

/* A batch that may still land, or that somebody waits for: what it DELETEs has to stay told apart. */
#define IN_HAND(n) (wk[z].cur == (n) || wk[NZ + z].cur == (n))
#define WAITED_FOR(n) (wk[B(n).by * NZ + z].cur == (n) && wk[B(n).by * NZ + z].ans == WAIT)
#define ALIVE(n) (B(n).air > 0 || B(n).known || IN_HAND(n))

#if N == 2
#define ROOM(z) (bt[z * (N + 1) + 1].kind == 0 || bt[z * (N + 1) + 2].kind == 0)
#elif N == 3
#define ROOM(z) (bt[z * (N + 1) + 1].kind == 0 || bt[z * (N + 1) + 2].kind == 0 || bt[z * (N + 1) + 3].kind == 0)
#elif N == 4
#define ROOM(z) (bt[z * (N + 1) + 1].kind == 0 || bt[z * (N + 1) + 2].kind == 0 || bt[z * (N + 1) + 3].kind == 0 || bt[z * (N + 1) + 4].kind == 0)
#elif N == 5
#define ROOM(z) (bt[z * (N + 1) + 1].kind == 0 || bt[z * (N + 1) + 2].kind == 0 || bt[z * (N + 1) + 3].kind == 0 || bt[z * (N + 1) + 4].kind == 0 || bt[z * (N + 1) + 5].kind == 0)
#elif N == 6
#define ROOM(z) (bt[z * (N + 1) + 1].kind == 0 || bt[z * (N + 1) + 2].kind == 0 || bt[z * (N + 1) + 3].kind == 0 || bt[z * (N + 1) + 4].kind == 0 || bt[z * (N + 1) + 5].kind == 0 || bt[z * (N + 1) + 6].kind == 0)
#else
#define ROOM(z) (bt[z * (N + 1) + 1].kind == 0 || bt[z * (N + 1) + 2].kind == 0 || bt[z * (N + 1) + 3].kind == 0 || bt[z * (N + 1) + 4].kind == 0 || bt[z * (N + 1) + 5].kind == 0 || bt[z * (N + 1) + 6].kind == 0 || bt[z * (N + 1) + 7].kind == 0)
#endif

#ifdef M_OTHER_WORDS
#define ROOM_FOR_OTHER(z) ROOM(z)
#else
#define ROOM_FOR_OTHER(z) true
#endif

/* Wipes what nothing depends on any more, so that states that differ only in the past are one. */
inline clear(n_)
{
    B(n_).kind = 0; B(n_).by = 0; B(n_).st = 0; B(n_).del = 0; B(n_).set = 0; B(n_).from = 0; B(n_).to = 0;
    B(n_).loose = 0; B(n_).taking = 0; B(n_).young = 0; B(n_).landed = 0; B(n_).old = 0; B(n_).twin = 0
}

inline forget()
{
    /* A copy whose DELETE names a value that is gone and will not come can only be refused. Unless somebody waits for
     * that refusal it is as good as lost. */
    for (y : 1 .. 2) {
        for (x : 1 .. N) {
            if
            :: B(x).air > 0 && B(x).del != 0 && B(x).del != lease[z] && B(B(x).del).air == 0 ->
                B(x).air = (WAITED_FOR(x) -> 1 : 0)
            :: else
            fi
        }
    }
    y = 0;
    reach = BIT(lease[z]) | BIT(wk[z].cert) | BIT(wk[NZ + z].cert) | wk[z].tried | wk[NZ + z].tried;
    for (x : 1 .. N) {
        if
        :: B(x).kind != 0 && ALIVE(x) -> reach = reach | BIT(x) | BIT(B(x).del) | BIT(B(x).twin)
        :: B(x).kind != 0 && !ALIVE(x) ->
            B(x).del = 0; B(x).set = 0; B(x).from = 0; B(x).to = 0; B(x).loose = 0; B(x).young = 0; B(x).old = 0;
            B(x).taking = 0; B(x).twin = 0;
            if
            :: B(x).kind != LONE -> B(x).kind = BEAT
            :: else
            fi
        :: else
        fi
    }
    for (x : 1 .. N) {
        if
        :: B(x).kind != 0 && !(reach & BIT(x)) -> clear(x)
        :: B(x).kind != 0 && !ALIVE(x) && (reach & BIT(x)) -> B(x).landed = 0
        :: else
        fi
    }
    x = 0
}

/* ---- A run's side ---- */

/* A new batch on the lease value del_, sent once; in nb. */
inline batch(kind_, st_, del_, set_, from_, to_)
{
    nb = 1;
    do
    :: B(nb).kind != 0 -> nb++
    :: else -> break
    od;
    B(nb).kind = kind_; B(nb).by = r; B(nb).st = st_; B(nb).del = del_; B(nb).set = set_; B(nb).from = from_;
    B(nb).to = to_;
    B(nb).air = 1; B(nb).young = YOUNG;
    B(nb).known = (kind_ != LONE);
    B(nb).taking = (R.goal == G_TAKE);
    B(nb).old = (R.goal != G_TAKE && over[r * NZ + z]);
    W.cur = nb; W.ans = WAIT
}

/* The very same bytes again. */
inline again()
{
    if
    :: B(W.cur).air < COPIES -> B(W.cur).air++
    :: else
    fi;
    B(W.cur).loose = 1; B(W.cur).young = YOUNG; W.ans = WAIT
}

/* Which values may stand there: the certain one, what open batches make of it, and others of that. */
inline reachable()
{
    reach = BIT(W.cert);
    for (y : 1 .. N) {
        for (x : 1 .. N) {
            if
            :: B(x).known && B(x).by == r && (reach & BIT(B(x).del)) -> reach = reach | BIT(x)
            :: else
            fi
        }
    }
    x = 0; y = 0
}

/* A definite sight of our lease: batches that DELETE what it is past are dead. */
inline learn(n_)
{
    W.cert = n_; W.seen = SEEN;
    B(n_).known = 0;
    reachable();
    for (x : 1 .. N) {
        if
        :: B(x).known && B(x).by == r && !(reach & BIT(x)) -> B(x).known = 0
        :: else
        fi
    }
    x = 0
}

/* Nobody waits for it any more; it stays reckoned with as long as it may land. */
inline detach()
{
    W.cur = 0; W.ans = 0
}

/* A definite refusal ends a batch, unless a copy of it is out without an answer. */
inline refused()
{
    if
    :: !B(W.cur).loose -> B(W.cur).known = 0
    :: else
    fi
}

inline lost_to_another()
{
    detach(); W.cert = 0; W.tried = 0; W.ph = DEPOSED;
    for (x : 1 .. N) {
        if
        :: B(x).by == r -> B(x).known = 0
        :: else
        fi
    }
    x = 0
}

inline go_back()
{
    R.goal = G_BACK;
    for (j : 0 .. NZ - 1) {
        wk[r * NZ + j].cur = 0; wk[r * NZ + j].ans = 0; wk[r * NZ + j].tried = 0; wk[r * NZ + j].done = 0;
        wk[r * NZ + j].chunk = 0;
        if
        :: wk[r * NZ + j].ph != DEPOSED -> wk[r * NZ + j].ph = BACKW
        :: else
        fi
    }
    j = 0
}

inline release()
{
    R.goal = G_REL;
    for (j : 0 .. NZ - 1) {
        wk[r * NZ + j].cur = 0; wk[r * NZ + j].ans = 0; wk[r * NZ + j].tried = 0; wk[r * NZ + j].done = 0;
        wk[r * NZ + j].chunk = 0;
        wk[r * NZ + j].ph = (wk[r * NZ + j].ph == IDLE || wk[r * NZ + j].ph == DEPOSED -> DONE : RELW)
    }
    j = 0
}

inline hold()
{
    R.goal = G_HOLD;
    for (j : 0 .. NZ - 1) {
        if
        :: wk[r * NZ + j].ph != DEPOSED -> wk[r * NZ + j].ph = TAKEN; wk[r * NZ + j].chunk = 0;
            wk[r * NZ + j].cur = 0; wk[r * NZ + j].ans = 0
        :: else
        fi
    }
    j = 0
}

/* The lease as read on the way forward: ours goes on, except that `reverting` there is a rollback nobody journaled. */
inline forward_read()
{
    v = lease[z];
    if
    :: v == 0 -> W.cert = 0; hold()
    :: v != 0 && B(v).by != r -> lost_to_another()
    :: v != 0 && B(v).by == r && B(v).st == REV && v != W.cert -> learn(v); go_back()
    :: else -> learn(v); ok = 1
    fi
}

/* One attempt to take a chunk back. What this chunk's own open batch would leave is no value to try: then it landed. */
inline back_with(c_)
{
    v = 0;
    if
    :: W.cert != 0 ->
        reachable(); reach = reach & ~W.tried & ~1;
        for (x : 1 .. N) {
            if
            :: (reach & BIT(x)) && x == W.cert -> v = x
            :: (reach & BIT(x)) && v == 0 && x != W.cert && !(B(x).kind == BACK && B(x).set == c_ + 1) -> v = x
            :: else
            fi
        }
        x = 0
    :: else
    fi;
#ifdef M_ONE_VALUE
    /* Only the oldest value is tried, never what an open batch may have made of it. */
    v = W.cert;
#endif
    if
    :: v == 0 -> W.ph = BSORT
    :: else ->
        for (x : 1 .. N) {
            if
            :: B(x).known && B(x).by == r && B(x).kind == BACK && B(x).set == c_ + 1 && B(x).del == v -> W.cur = x
            :: else
            fi
        }
        x = 0;
        W.ph = BACKING;
        if
        :: W.cur != 0 -> again()
        :: W.cur == 0 && ROOM(z) -> batch(BACK, REV, v, c_ + 1, 0, 0)
        :: else -> W.ph = BSORT /* too many that may still land: the lease tells which of them are dead */
        fi
    fi;
    forget()
}

/* Somebody removed the lease: a person decides. Under MAKE_ANEW the rule that broke (a): it was made anew by who saw it
   lately, on weights that are all its own. */
inline gone()
{
#ifdef MAKE_ANEW
    ok = W.seen;
#else
    ok = 0;
#endif
    for (i : 0 .. NC - 1) {
        if
        :: !(W.mine & (1 << (2 * i + weight[z * NC + i]))) -> ok = 0
        :: else
        fi
    }
    i = 0;
    if
    :: ok -> batch(LONE, REV, 0, 0, 0, 0); W.ph = BLONING
    :: else -> W.ph = UNSAFE
    fi;
    ok = 0
}

proctype Ctl(byte r; byte z)
{
    do
    /* Taking. An absent lease is created alone, and never sent twice. */
    :: d_step {
        R.goal == G_TAKE && W.ph == LEASE && TURN && ROOM(z) ->
        v = lease[z];
        if
        :: v == 0 -> batch(LONE, (R.how == 2 -> REV : FWD), 0, 0, 0, 0); W.ph = LONING
        :: v != 0 && B(v).by == r -> learn(v); W.ph = (R.how == 2 -> TAKEN : TAKE)
        :: v != 0 && B(v).by != r && B(v).st == OUT && R.how != 2 -> W.cert = v; W.ph = TAKE
        :: v != 0 && B(v).by != r && (B(v).st != OUT || R.how == 2) && R.how != 0 ->
            batch(SEIZE, (R.how == 2 -> REV : FWD), v, 0, 0, 0); W.ph = SEIZING
        :: else -> W.ph = IDLE; release() /* refused: somebody holds it */
        fi;
        W.tried = 0; forget()
    }
    :: d_step {
        W.ph == LONING && W.ans != WAIT ->
        if
        :: W.ans == OK -> learn(W.cur); detach(); W.ph = (R.how == 2 -> TAKEN : TAKE)
#ifdef M_LONE_AGAIN
        :: W.ans == LOST -> again()
#endif
        :: else -> detach(); W.ph = LEASE
        fi;
        forget()
    }
    :: d_step {
        W.ph == SEIZING && W.ans != WAIT ->
        if
        :: W.ans == OK -> learn(W.cur); detach(); W.ph = (R.how == 2 -> TAKEN : TAKE)
        :: W.ans == LOST -> again()
        :: else -> refused(); detach(); W.ph = LEASE
        fi;
        forget()
    }
    /* The taking batches: every set as listed, and the same again. */
    :: d_step {
        W.ph == TAKE && ROOM(z) ->
        batch(MOVE, FWD, W.cert, W.chunk + 1, weight[z * NC + W.chunk], weight[z * NC + W.chunk]);
        W.mine = W.mine & ~(3 << (2 * W.chunk)) | (1 << (2 * W.chunk + weight[z * NC + W.chunk]));
        W.ph = TAKING; forget()
    }
    :: d_step {
        W.ph == TAKING && W.ans != WAIT ->
        if
        :: W.ans == OK -> learn(W.cur); detach(); W.chunk++;
            if
            :: W.chunk == NC -> W.chunk = 0; W.ph = BASE
            :: else -> W.ph = TAKE
            fi
        :: W.ans == LOST -> again()
        :: else -> refused(); W.ph = TSORT
        fi;
        forget()
    }
    :: d_step {
        W.ph == TSORT ->
        if
        :: lease[z] == W.cur -> learn(W.cur); W.ph = TAKE
        :: lease[z] != W.cur && lease[z] == B(W.cur).del -> W.ph = TAKE
        :: else -> W.chunk = 0; W.cert = 0; W.ph = LEASE
        fi;
        detach(); forget()
    }
    :: d_step {
        W.ph == BASE ->
        if
        :: OURS(lease[z]) -> learn(lease[z]); W.ph = TAKEN
        :: else -> release()
        fi;
        forget()
    }
    /* The heartbeat: the lease alone. */
#ifndef NO_BEAT
    :: d_step {
        R.goal == G_HOLD && W.ph == TAKEN && W.cert != 0 && W.cur == 0 && B(W.cert).st == FWD && !works && ROOM(z) ->
        batch(BEAT, FWD, W.cert, 0, 0, 0);
#ifdef M_SAME_GENERATION
        /* "Nothing changed, so it need not count": the value deleted is created again. */
        B(W.cert).kind = BEAT; B(W.cert).del = W.cert; B(W.cert).air = 1; B(W.cert).known = 1; B(W.cert).landed = 0;
        B(nb).air = 0; B(nb).known = 0; W.cur = W.cert;
#endif
        forget()
    }
#endif
    :: d_step {
        W.ph == TAKEN && W.cur != 0 && W.ans != WAIT ->
        if
        :: W.ans == OK -> learn(W.cur); detach()
        :: W.ans == LOST -> again()
        :: else -> refused(); detach(); W.ph = BEATSORT
        fi;
        forget()
    }
    :: d_step {
        W.ph == BEATSORT || (W.ph == TAKEN && R.goal == G_HOLD && W.cert == 0 && lease[z] != 0) ->
        W.ph = TAKEN; forward_read(); ok = 0; forget()
    }
    /* Forward: read, then written on the value read. */
    :: d_step {
        R.goal == G_APPLY && W.ph == READ && W.cur == 0 && ROOM(z) ->
        ok = 0; forward_read();
        if
        :: ok && !(W.mine & (1 << (2 * W.chunk + weight[z * NC + W.chunk]))) -> hold() /* drift */
        :: ok && (W.mine & (1 << (2 * W.chunk + weight[z * NC + W.chunk]))) ->
            batch(MOVE, FWD, W.cert, W.chunk + 1, weight[z * NC + W.chunk], 1);
            W.mine = W.mine | (2 << (2 * W.chunk)); W.ph = MOVING
        :: else
        fi;
        ok = 0; forget()
    }
    :: d_step {
        W.ph == MOVING && W.ans != WAIT && ROOM_FOR_OTHER(z) ->
        if
        :: W.ans == OK -> learn(W.cur); detach(); W.chunk++;
            if
            :: W.chunk == NC -> W.chunk = 0; W.ph = MOVED
            :: else -> W.ph = READ
            fi
#ifdef M_OTHER_WORDS
        /* Sent again on the lease value that stands now, instead of byte for byte. */
        :: W.ans == LOST && OURS(lease[z]) ->
            v = W.cur; W.cert = lease[z];
            batch(MOVE, FWD, W.cert, W.chunk + 1, weight[z * NC + W.chunk], 1); B(nb).twin = v
        :: W.ans == LOST && !OURS(lease[z]) -> again()
#else
        :: W.ans == LOST -> again()
#endif
        :: else -> refused(); W.ph = FSORT
        fi;
        forget()
    }
    :: d_step {
        W.ph == FSORT ->
        ok = 0;
        if
        :: lease[z] == W.cur -> learn(W.cur); detach(); W.ph = READ /* it had landed: the same sets once more */
        :: else -> detach(); W.ph = READ; forward_read()
        fi;
        ok = 0; forget()
    }
    /* Going back: on the oldest value that may stand there, then on what open batches make of it. */
    :: d_step {
        W.ph == BACKW && W.done == ALL -> W.tried = 0; W.ph = CONFIRM; forget()
    }
    :: d_step {
        W.ph == BACKW && !(W.done & 1) -> back_with(0)
    }
#if NC > 1
    :: d_step {
        W.ph == BACKW && !(W.done & 2) -> back_with(1)
    }
#endif
    :: d_step {
        W.ph == BACKING && W.ans != WAIT ->
        if
        :: W.ans == OK ->
            W.done = W.done | BIT(B(W.cur).set - 1);
            W.mine = W.mine & ~(3 << (2 * (B(W.cur).set - 1))) | (1 << (2 * (B(W.cur).set - 1)));
            learn(W.cur); W.tried = 0
        :: W.ans == NO -> W.tried = W.tried | BIT(B(W.cur).del); refused()
        :: W.ans == LOST -> W.tried = W.tried | BIT(B(W.cur).del); B(W.cur).loose = 1
        fi;
        detach(); W.ph = BACKW; forget()
    }
    :: d_step {
        W.ph == BSORT && (lease[z] != 0 || ROOM(z)) ->
        v = lease[z]; W.tried = 0;
        if
        :: v != 0 && B(v).by == r -> learn(v); W.ph = BACKW
#ifdef M_RELEASED_IS_FREE
        :: v != 0 && B(v).by != r && B(v).st == OUT -> W.cert = v; W.ph = BACKW
        :: v != 0 && B(v).by != r && B(v).st != OUT -> lost_to_another()
#else
        :: v != 0 && B(v).by != r -> lost_to_another()
#endif
        :: v == 0 -> W.cert = 0; gone()
        fi;
        forget()
    }
    :: d_step {
        W.ph == BLONING && W.ans != WAIT ->
        if
        :: W.ans == OK -> learn(W.cur); W.ph = BACKW
        :: else -> W.ph = BSORT
        fi;
        detach(); forget()
    }
    :: d_step {
        W.ph == CONFIRM ->
        v = lease[z];
        ok = 1;
        for (i : 0 .. NC - 1) {
            if
            :: weight[z * NC + i] != 0 -> ok = 0; W.done = W.done & ~BIT(i)
            :: else
            fi
        }
        i = 0;
        if
        :: v != 0 && B(v).by != r -> lost_to_another()
        :: v != 0 && B(v).by == r -> learn(v); W.ph = (ok -> DONE : BACKW)
        :: v == 0 -> W.cert = 0; W.ph = (ok -> DONE : BSORT)
        fi;
        ok = 0; forget()
    }
    :: d_step {
        W.ph == UNSAFE && lease[z] != 0 -> W.ph = BSORT; forget()
    }
#ifdef M_OURS_AGAIN
    :: d_step {
        W.ph == DEPOSED && R.goal != G_OVER && OURS(lease[z]) ->
        learn(lease[z]); W.ph = (R.goal == G_BACK -> BACKW : (R.goal == G_APPLY -> READ : TAKEN)); forget()
    }
#endif
    /* Leaving. */
    :: d_step {
        W.ph == RELW && ROOM(z) ->
        if
        :: W.cert == 0 -> W.ph = RSORT
        :: else ->
            reachable(); reach = reach & ~W.tried & ~1;
            v = 0;
            for (x : 1 .. N) {
                if
                :: (reach & BIT(x)) && B(x).by == r && (v == 0 || x == W.cert) -> v = x
                :: else
                fi
            }
            x = 0;
            if
            :: v != 0 && B(v).st == OUT && v == W.cert -> W.ph = DONE; W.cert = 0; W.tried = 0
            :: v != 0 && (B(v).st != OUT || v != W.cert) -> batch(REL, OUT, v, 0, 0, 0); W.ph = RELING
            :: else -> W.ph = RSORT
            fi
        fi;
        forget()
    }
    :: d_step {
        W.ph == RELING && W.ans != WAIT ->
        if
        :: W.ans == OK -> learn(W.cur); detach(); W.cert = 0; W.tried = 0; W.ph = DONE
        :: W.ans == LOST -> again()
        :: else -> refused(); W.tried = W.tried | BIT(B(W.cur).del); detach(); W.ph = RELW
        fi;
        forget()
    }
    :: d_step {
        W.ph == RSORT ->
        v = lease[z]; W.tried = 0;
        if
        :: OURS(v) && B(v).st != OUT -> learn(v); W.ph = RELW
        :: else -> W.cert = 0; W.ph = DONE
        fi;
        forget()
    }
    od
}

/* What happens to a run as a whole. */
#if NZ > 1
#define EVERY(p) (wk[r * NZ].ph == p && wk[r * NZ + 1].ph == p)
#define SOME(p)  (wk[r * NZ].ph == p || wk[r * NZ + 1].ph == p)
#define NONE_IN_HAND  (wk[r * NZ].cur == 0 && wk[r * NZ + 1].cur == 0)
#else
#define EVERY(p) (wk[r].ph == p)
#define SOME(p)  (wk[r].ph == p)
#define NONE_IN_HAND  (wk[r].cur == 0)
#endif

inline all_forget()
{
    for (z : 0 .. NZ - 1) {
        forget()
    }
    z = 0
}

inline disown()
{
    for (z : 0 .. NZ - 1) {
        for (x : 1 .. N) {
            if
            :: B(x).by == r -> B(x).known = 0
            :: else
            fi
        }
    }
    x = 0; z = 0
}

inline end_run(was_rolled)
{
    R.goal = G_OVER; R.rolled = was_rolled; R.how = 0; R.applied = 0;
    for (j : 0 .. NZ - 1) {
        i = r * NZ + j;
        wk[i].ph = IDLE; wk[i].cert = 0; wk[i].cur = 0; wk[i].ans = 0; wk[i].chunk = 0; wk[i].done = 0;
        wk[i].tried = 0; wk[i].mine = 0; wk[i].seen = 0
    }
    i = 0; j = 0;
    disown(); all_forget()
}

/* Everything but the journal is lost, and a process goes on with phase ph_ everywhere. */
inline restart(goal_, ph_, keep_)
{
    R.goal = goal_; R.rolled = 0;
    for (j : 0 .. NZ - 1) {
        i = r * NZ + j;
        wk[i].ph = ph_; wk[i].cur = 0; wk[i].ans = 0; wk[i].chunk = 0; wk[i].done = 0; wk[i].tried = 0; wk[i].seen = 0;
        wk[i].cert = (keep_ -> wk[i].cert : 0)
    }
    i = 0; j = 0;
    if
    :: !keep_ -> disown()
    :: else
    fi;
    all_forget()
}

inline start(how_)
{
    R.how = how_;
    for (j : 0 .. NZ - 1) {
        wk[r * NZ + j].ph = LEASE
    }
    j = 0
}

proctype Ramp(byte r)
{
    byte z;

    do
    :: d_step { R.goal == G_NONE -> R.goal = G_TAKE; start(0) }
#ifdef RIVAL
    :: d_step { r == 1 && R.goal == G_NONE -> R.goal = G_TAKE; start(1) }
    :: d_step { r == 1 && R.goal == G_NONE -> R.goal = G_TAKE; start(2) }
#endif
    :: d_step { R.goal == G_TAKE && EVERY(TAKEN) && R.how != 2 -> R.goal = G_HOLD }
    :: d_step { R.goal == G_TAKE && EVERY(TAKEN) && R.how == 2 -> go_back() }
    :: d_step { R.goal == G_TAKE && EVERY(TAKEN) && R.how != 2 -> release(); all_forget() } /* refused */
    :: d_step { R.goal == G_HOLD && !R.applied && NONE_IN_HAND && !SOME(BEATSORT) ->
        R.goal = G_APPLY;
        for (j : 0 .. NZ - 1) {
            if
            :: wk[r * NZ + j].ph == TAKEN -> wk[r * NZ + j].ph = READ
            :: else
            fi
        }
        j = 0 }
    :: d_step { R.goal == G_APPLY && EVERY(MOVED) -> R.applied = 1; hold() }
    :: d_step { (R.goal == G_HOLD || R.goal == G_APPLY) -> go_back(); all_forget() } /* a breach, or a person */
    :: d_step { R.goal == G_HOLD && R.applied && EVERY(TAKEN) -> release(); all_forget() } /* completed */
    :: d_step { (R.goal == G_HOLD || R.goal == G_APPLY) && SOME(DEPOSED) -> end_run(0) }
    :: d_step { R.goal == G_BACK && EVERY(DONE) -> R.rolled = 1; release(); all_forget() }
    :: d_step { R.goal == G_BACK && SOME(DEPOSED) && !SOME(BACKW) && !SOME(BACKING) && !SOME(BSORT) && !SOME(BLONING) && !SOME(CONFIRM) ->
        end_run(0) }
    :: d_step { R.goal == G_BACK && SOME(UNSAFE) -> end_run(0) } /* stopped by a person */
    :: d_step { R.goal == G_REL && EVERY(DONE) -> end_run(R.rolled) }
#ifdef CRASH
    :: d_step { !works && R.goal == G_TAKE -> restart(G_TAKE, LEASE, 0) }
    :: d_step { !works && (R.goal == G_HOLD || R.goal == G_APPLY || R.goal == G_BACK || R.goal == G_REL) ->
        restart(G_HOLD, TAKEN, 0) } /* what was begun since was not in the journal */
    :: d_step { !works && (R.goal == G_BACK || (R.goal == G_REL && R.rolled)) -> restart(G_BACK, BACKW, 0) }
    :: d_step { !works && R.goal == G_BACK -> restart(G_BACK, BACKW, 1) }
    :: d_step { !works && R.goal == G_REL && !R.rolled -> restart(G_REL, RELW, 0) }
#endif
    od
}

/* ---- The other side ---- */

/* Route 53: all of a batch or nothing. Then what the properties remember. */
inline land()
{
    r = B(b).by;
    ok = (lease[z] == B(b).del);
    if
    :: ok && B(b).set != 0 && B(b).kind != BACK -> ok = (weight[z * NC + B(b).set - 1] == B(b).from)
    :: else
    fi;
    if
    :: ok ->
        /* A lease left behind where a person deleted the TXT is the one thing that may land late: it changes no answer. */
        nb = (B(b).kind == LONE && by_hand[z]);
#ifdef ONLY_A
        assert(!B(b).old || nb); /* (a) a batch of a run never lands after a newer run has taken the zone */
#endif
#ifdef ONLY_B
        assert(!(R.rolled && R.goal == G_OVER) || nb); /* (b) after rolled_back nothing of that run lands */
        assert(!(R.rolled && B(b).set != 0 && B(b).kind != BACK)); /* nor, until it is released, anything but the same */
        assert(!(R.rolled && B(b).set != 0) || weight[z * NC + B(b).set - 1] == B(b).to);
#endif
#ifdef ONLY_C
        B(b).landed++;
        assert(B(b).landed <= 1); /* (c) at most one copy lands */
        assert(B(b).twin == 0 || B(B(b).twin).landed == 0);
#endif
        if
        :: (lease[z] == 0 || B(lease[z]).by != r) && !(B(b).old && nb) ->
            took[r * NZ + z] = 1;
            for (x : 1 .. N) {
                if
                :: B(x).kind != 0 && B(x).by != r -> B(x).old = 1
                :: else
                fi
            }
            x = 0;
            over[(1 - r) * NZ + z] = took[(1 - r) * NZ + z]
        :: else
        fi;
        if
        :: B(b).taking -> over[r * NZ + z] = 0; passed[r * NZ + z] = 0
        :: else
        fi;
        if
        :: B(b).set != 0 ->
#ifdef ONLY_E
            assert(!passed[r * NZ + z]); /* (e) no two runs both believe they hold a zone and both change it */
#endif
            changed[r * NZ + z] = 1;
            passed[(1 - r) * NZ + z] = changed[(1 - r) * NZ + z];
            weight[z * NC + B(b).set - 1] = B(b).to
        :: else
        fi;
        lease[z] = b;
        for (x : 1 .. N) {
            B(x).young = 0
        }
        x = 0
    :: else
    fi;
    r = 0
}

#define WAITED WAITED_FOR(b)
#define ANSWER wk[B(b).by * NZ + z].ans
/* The copies of one batch under way. One of them may be the attempt that is waited for. */
proctype Post(byte z; byte b)
{
    byte r;

    do
    :: d_step { B(b).air > 0 && WAITED -> land(); B(b).air--; ANSWER = (ok -> OK : NO); ok = 0; forget() }
    :: d_step { B(b).air > 0 && WAITED && !works -> land(); B(b).air--; ANSWER = LOST; ok = 0; forget() }
    :: d_step { B(b).air > 0 && WAITED && !works -> ANSWER = LOST; forget() } /* late */
    :: d_step { B(b).air > 0 && WAITED && !works -> B(b).air--; ANSWER = LOST; forget() } /* lost */
    :: d_step { B(b).air > 1 || (B(b).air > 0 && !WAITED) -> land(); B(b).air--; ok = 0; forget() }
    :: d_step { B(b).air > 1 || (B(b).air > 0 && !WAITED) -> B(b).air--; forget() }
#ifdef DOUBLE
    :: d_step { B(b).air == 1 && B(b).kind != LONE && !works -> B(b).air++ }
#endif
    od
}

/* -DPERSON_ONCE: once a zone, and not the lease of a run that took the zone from another. */
#ifdef PERSON_ONCE
#define MAY_DELETE (!by_hand[z] && !took[(1 - B(lease[z]).by) * NZ + z])
#else
#define MAY_DELETE true
#endif

proctype Env(byte z)
{
    do
#ifdef PERSON
    :: d_step { lease[z] != 0 && !works && MAY_DELETE -> lease[z] = 0; by_hand[z] = 1; forget() }
#endif
#ifdef REMOVE
    :: d_step { lease[z] != 0 && B(lease[z]).st == OUT && rn[B(lease[z]).by].goal == G_OVER && !works ->
#ifndef M_REMOVE_AT_ONCE
        for (x : 1 .. N) {
            if
            :: B(x).air > 0 && (!B(x).young || B(x).by == B(lease[z]).by) ->
                B(x).air = 0;
                if
                :: wk[B(x).by * NZ + z].cur == x && wk[B(x).by * NZ + z].ans == WAIT -> wk[B(x).by * NZ + z].ans = LOST
                :: else
                fi
            :: else
            fi
        }
        x = 0;
#endif
        lease[z] = 0; forget() }
#endif
#ifdef LIVE
    :: d_step { !works -> works = 1 }
#endif
    :: false
    od
}

init {
    atomic {
        for (i : 0 .. NZ - 1) {
            run Env(i);
            run Ctl(0, i);
#ifdef RIVAL
            run Ctl(1, i);
#endif
            for (j : 1 .. N) {
                run Post(i, j)
            }
        }
        run Ramp(0);
#ifdef RIVAL
        run Ramp(1);
#endif
        i = 0; j = 0
    }
}

#ifdef LIVE
#if NZ > 1
#define STANDS(p) (wk[0].ph == p || wk[1].ph == p)
#else
#define STANDS(p) (wk[0].ph == p)
#endif
/* (d) a rollback with a working API ends: confirmed, deposed, or unsafe and told. */
#define GOING (works && rn[0].goal == G_BACK && !STANDS(UNSAFE) && !STANDS(DEPOSED))
ltl d { !<>[] GOING }
#endif
